"""services/client under the name that integrators write: `from candour.client import Client`."""

from services.client import *  # noqa: F403
from services.client import __all__ as __all__
