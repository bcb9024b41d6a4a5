"""Vector stepping at several batch sizes, side by side with Gymnasium's native vector CartPole."""

import json
import sys

from carousel_agents.benchmark.speed import measure
from carousel_envs import environment_ids

if __name__ == "__main__":
    rows = []
    for name in environment_ids():
        for lanes in (64, 1024, 16_384):
            print(f"{name}, {lanes} lanes", file=sys.stderr)
            rows.append(measure(name, lanes=lanes, blocks=5).row())
    print(json.dumps(rows, indent=2))
