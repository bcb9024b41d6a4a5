"""Ctrl-C, known to what must let it pass and to the command line that raises it."""


class Interrupted(BaseException):
    """Ctrl-C, under a name that nothing on the way catches and turns into silence."""
