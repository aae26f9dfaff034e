"""The workshop: functions that take any ``keras.Model`` and know no family."""
