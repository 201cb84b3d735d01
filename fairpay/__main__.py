"""`python -m fairpay`: the command line."""

import sys

from fairpay.cli import main

if __name__ == "__main__":
    sys.exit(main())
