"""The parts of benchmarks/text_encoder_study.py."""
