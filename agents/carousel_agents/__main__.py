"""`python -m carousel_agents` is `carousel`."""

from .cli import program

if __name__ == "__main__":
    program()
