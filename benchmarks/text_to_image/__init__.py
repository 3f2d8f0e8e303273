"""The parts of benchmarks/text_to_image.py."""
