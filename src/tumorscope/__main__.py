"""``python -m tumorscope``."""

from tumorscope.cli.main import main

if __name__ == "__main__":
    main()
