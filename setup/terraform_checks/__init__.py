"""What `make terraform_test` does: every check of `terraform/` that needs no AWS account."""
