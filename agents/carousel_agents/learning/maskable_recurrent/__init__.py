"""`MaskableRecurrentPPO`: PPO with a memory, whose picks are limited by action masks.

Invalid action masking (arXiv 2006.14171) as in sb3-contrib's `MaskablePPO`, put on its
`RecurrentPPO`, whose loops stay as they are: what they hand to the policy is completed by a source
of masks, which is the environment while a rollout is played, and the rollout buffer while the
policy is trained. Nothing here knows Carousel; any environment will do whose masks `MaskablePPO`
finds. Start with `algorithm.py`.
"""

from .algorithm import MaskableRecurrentPPO

__all__ = ["MaskableRecurrentPPO"]
