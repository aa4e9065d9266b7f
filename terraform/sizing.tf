# Peak memory in MiB of all containers of a side while 232,073 listings are read and trained on, and a quarter on top:
# `python -m benchmarks.containers.memory`. Terraform refuses an instance type that has less.
locals {
  measured_peak_mib   = { training = 3767, serving = 1069, both = 4817 }
  required_memory_mib = { for side, peak in local.measured_peak_mib : side => ceil(peak * 1.25) }
}
