# Peak memory in MiB of all processes of a side, pages shared by several processes counted once: `python -m benchmarks.platform_memory`
# on 426,880 listings, and a quarter on top. Terraform refuses an instance type that has less.
locals {
  measured_peak_mib   = { training = 0, serving = 0, both = 0 }
  required_memory_mib = { for side, peak in local.measured_peak_mib : side => ceil(peak * 1.25) }
}
