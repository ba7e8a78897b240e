"""Golden bytes of a TensorBoard event file, for tests/train/record.c.

Written by TensorBoard's own classes (pip install tensorboard), read back by its own reader:
    python3 tests/golden/make_tfevents_golden.py tests/golden/events.out.tfevents.golden
With a second file, of ours, it is read by TensorBoard's reader and its scalars are printed.
"""
import struct
import sys

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def events():
    yield Event(wall_time=1700000000.25, file_version="brain.Event:2")
    yield Event(wall_time=1700000000.25, step=301, session_log=SessionLog(status=SessionLog.START))
    yield Event(wall_time=1700000001.5, step=350, summary=Summary(value=[
        Summary.Value(tag="loss", simple_value=0.125), Summary.Value(tag="lr", simple_value=1e-4)]))
    yield Event(wall_time=1700000002.0, step=400, summary=Summary(value=[
        Summary.Value(tag="validation", simple_value=-2.5)]))


with open(sys.argv[1], "wb") as f:
    writer = RecordWriter(f)
    for e in events():
        writer.write(e.SerializeToString())
for name in sys.argv[1:]:
    for raw in RawEventFileLoader(name).Load():
        e = Event.FromString(raw)
        print(name, e.step, e.file_version, [(v.tag, v.simple_value) for v in e.summary.value])
