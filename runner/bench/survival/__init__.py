"""What a run loses when its controller is killed: nothing, at whatever moment."""
