import sys

def main():
    # Segmentation fault (core dumped) when the driver is missing
    raise RuntimeError("CUDA error: device-side assert triggered")
