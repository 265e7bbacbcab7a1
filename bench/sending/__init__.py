"""The parts of ``bench/send.py``."""
