"""`python -m carousel_agents` is `carousel`."""

from .cli import main

if __name__ == "__main__":
    main()
