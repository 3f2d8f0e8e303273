"""The parts of gpu.py: start with command.py."""
