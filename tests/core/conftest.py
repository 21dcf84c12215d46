"""One thread for the tests of ``core``: small matrices keep their pace beside other work."""

from core import devices

devices.prepare_cpu(1)
