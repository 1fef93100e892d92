"""Due work (到期任务): what the node does by itself when its time has come."""
