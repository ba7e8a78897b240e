#!/bin/sh
# Training steps through the sources of the CUDA backend on an emulated device: kernels, streams, events and
# a recorded step that is replayed; 1, 2 and 4 ranks.
export SCP_TEST_DEVICE=cuda SCP_TEST_SMALL=1
exec "$top_builddir/tests/gpu/emulated"
