# What single modules promise, whoever uses them.
run "host" {
  command = plan

  module {
    source = "./modules/compute"
  }

  variables {
    project             = "vehicle-price"
    name                = "all"
    side                = "both"
    instance_type       = "t3.large"
    required_memory_mib = 7000
    disk_gib            = 40
    vpc_id              = "vpc-1"
    vpc_cidr            = "10.20.0.0/16"
    subnet_id           = "subnet-1"
    availability_zone   = "us-east-1a"
    private_ip          = "10.20.0.10"
    fixed_address       = true
    ingress             = { service = { description = "Clients", port = 5000, cidr = "203.0.113.0/24" } }
    egress_ports        = [27017]
    instance_profile    = "vehicle-price-all"
    region              = "us-east-1"
    parameter_path      = "/vehicle-price"
    releases_url        = "s3://bucket/releases"
    protected           = true
  }

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required"
    error_message = "Only IMDSv2 may hand out the role's credentials."
  }

  assert {
    condition     = aws_launch_template.this.iam_instance_profile[0].name == "vehicle-price-all"
    error_message = "The host must have its role."
  }

  assert {
    condition     = aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true" && aws_ebs_volume.data.encrypted
    error_message = "Both disks must be encrypted."
  }

  assert {
    condition     = aws_launch_template.this.key_name == "" || aws_launch_template.this.key_name == null
    error_message = "Nobody signs in with a key; Session Manager is the way in."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.this : rule.from_port] == [5000]
    error_message = "Nothing but what is named may come in."
  }

  assert {
    condition     = sort([for rule in aws_vpc_security_group_egress_rule.internet : tostring(rule.from_port)]) == tolist(["27017", "443", "80"])
    error_message = "Only the named ports lead to the internet."
  }

  assert {
    condition     = aws_ebs_volume.data.final_snapshot
    error_message = "The volume must leave a snapshot."
  }
}

run "host_without_enough_memory" {
  command = plan

  module {
    source = "./modules/compute"
  }

  variables {
    project             = "vehicle-price"
    name                = "all"
    side                = "both"
    instance_type       = "t3.medium"
    required_memory_mib = 7000
    disk_gib            = 40
    vpc_id              = "vpc-1"
    vpc_cidr            = "10.20.0.0/16"
    subnet_id           = "subnet-1"
    availability_zone   = "us-east-1a"
    private_ip          = "10.20.0.10"
    fixed_address       = true
    ingress             = {}
    egress_ports        = []
    instance_profile    = "vehicle-price-all"
    region              = "us-east-1"
    parameter_path      = "/vehicle-price"
    releases_url        = "s3://bucket/releases"
    protected           = true
  }

  expect_failures = [data.aws_ec2_instance_type.this]
}

run "database" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    project                 = "vehicle-price"
    vpc_id                  = "vpc-1"
    subnet_ids              = ["subnet-1", "subnet-2"]
    client_addresses        = { training = "10.20.0.11" }
    instance_class          = "db.t4g.small"
    storage_gib             = 20
    max_storage_gib         = 100
    backup_days             = 7
    multi_az                = false
    master_password         = "only-for-this-plan"
    master_password_version = 1
    protected               = true
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database must be encrypted and private."
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.backup_retention_period == 7
    error_message = "The database must have backups, and refuse to be deleted."
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_db_instance.this.password_wo == null
    error_message = "The state must not hold the password."
  }

  assert {
    condition     = anytrue([for parameter in aws_db_parameter_group.this.parameter : parameter.name == "rds.force_ssl" && parameter.value == "1"])
    error_message = "Connections must be encrypted."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.hosts : rule.cidr_ipv4] == ["10.20.0.11/32"]
    error_message = "Only hosts may connect."
  }
}

run "storage" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    project   = "vehicle-price"
    protected = true
  }

  assert {
    condition     = sort(keys(aws_s3_bucket.this)) == tolist(["artifacts", "data"]) && !anytrue([for bucket in aws_s3_bucket.this : bucket.force_destroy])
    error_message = "Two buckets, which are not deleted with what they hold."
  }

  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "Both buckets must keep versions."
  }

  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Both buckets must be private."
  }

  assert {
    condition     = alltrue([for lifecycle in aws_s3_bucket_lifecycle_configuration.this : lifecycle.rule[0].noncurrent_version_expiration[0].noncurrent_days == 30 && length(lifecycle.rule[0].expiration) == 0])
    error_message = "Old versions go after 30 days; no object goes by its age."
  }
}

run "registry" {
  command = plan

  module {
    source = "./modules/registry"
  }

  variables {
    project      = "vehicle-price"
    repositories = ["airflow", "mlflow", "service", "streamlit", "evidently_service"]
    protected    = true
  }

  assert {
    condition     = length(aws_ecr_repository.this) == 5
    error_message = "One repository for each image."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "Tags must not change, and images must be scanned."
  }
}
