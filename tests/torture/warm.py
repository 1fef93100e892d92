"""What every forked process has loaded before it begins 预热; imported by the server it is forked from, nowhere else."""

from torture import served
from torture.racing import catalogue

catalogue()
_ = served
