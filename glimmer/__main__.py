"""``python -m glimmer``: the ``glimmer`` command of this Python."""

import sys

from glimmer.cli.main import main

sys.exit(main())
