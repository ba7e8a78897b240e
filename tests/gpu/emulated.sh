#!/bin/sh
# Training steps through the sources of the CUDA backend on an emulated device: kernels, streams, events and
# a recorded step that is replayed; 1, 2 and 4 ranks. Once in every schedule of the streams.
export SCP_TEST_DEVICE=cuda SCP_TEST_SMALL=1
for schedule in late eager random; do
    echo "# schedule: $schedule"
    SCP_EMU_SCHEDULE=$schedule "$top_builddir/tests/gpu/emulated" || echo "not ok 0 - ended with $?"
done | awk '
    /^1\.\./ { next }
    /^# schedule: / { schedule = $3 }
    /^(not )?ok/ { k++; sub(/ok [0-9]+/, "ok " k); $0 = $0 " (" schedule ")" }
    { print }
    END { print "1.." k + 0 }'
