# Ubuntu has the engine, Compose and the agent of Session Manager as signed packages.
data "aws_ami" "ubuntu" {
  owners      = ["099720109477"] # Canonical
  most_recent = true

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]
  }

  filter {
    name   = "state"
    values = ["available"]
  }
}

data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type

  lifecycle {
    postcondition {
      condition     = self.memory_size >= var.required_memory_mib
      error_message = "Host ${var.name}: ${var.instance_type} has ${self.memory_size} MiB of memory; ${var.side} needs ${var.required_memory_mib} MiB, the measured peak and a quarter. Choose a larger instance_type."
    }

    postcondition {
      condition     = contains(self.supported_architectures, "x86_64")
      error_message = "Host ${var.name}: ${var.instance_type} is not x86_64, which the images are built for."
    }
  }
}

locals {
  deploy = "${path.module}/../../../setup/deploy"

  host_settings = {
    SIDE               = var.side
    PARAMETER_PATH     = var.parameter_path
    AWS_DEFAULT_REGION = var.region
    RELEASES_URL       = var.releases_url
    LOG_GROUPS         = var.parameter_path
    DATA_VOLUME        = aws_ebs_volume.data.id
  }

  user_data = templatefile("${path.module}/user_data.yaml.tftpl", {
    host_settings = join("\n", [for name, value in local.host_settings : "${name}=${value}"])
    prepare_host  = base64gzip(file("${local.deploy}/prepare_host.sh"))
    first_boot    = base64gzip(file("${local.deploy}/first_boot.sh"))
    unit          = file("${local.deploy}/vehicle-price.service")
  })
}

resource "aws_launch_template" "this" {
  #checkov:skip=CKV_AWS_341:Containers are one hop further than the host, and reach S3 with the host's role.
  name                   = "${var.project}-${var.name}"
  description            = "Host ${var.name}: ${var.side}"
  image_id               = data.aws_ami.ubuntu.id
  instance_type          = data.aws_ec2_instance_type.this.instance_type
  ebs_optimized          = true
  update_default_version = true
  user_data              = base64encode(local.user_data)
  vpc_security_group_ids = [aws_security_group.this.id]

  disable_api_termination = var.protected

  iam_instance_profile {
    name = var.instance_profile
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required" # IMDSv2 only
    http_put_response_hop_limit = 2
  }

  block_device_mappings {
    device_name = data.aws_ami.ubuntu.root_device_name

    ebs {
      volume_type           = "gp3"
      volume_size           = 16 # the system; containers and images are on the volume with the data
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.project}-${var.name}", Side = var.side }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "${var.project}-${var.name}" }
  }

  lifecycle {
    precondition {
      condition     = length(local.user_data) <= 16384
      error_message = "The user data is larger than the 16 KiB that EC2 takes. Shorten setup/deploy/first_boot.sh."
    }
  }
}

# A changed template does not replace the host: `terraform apply -replace=…` does, at a time of your choosing.
resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_126:Metrics every five minutes are free and enough for these alarms; every minute costs extra.
  #checkov:skip=CKV_AWS_79:IMDSv2 is required by the launch template; a test asserts it.
  #checkov:skip=CKV_AWS_8:The launch template encrypts the disk; a test asserts it.
  #checkov:skip=CKV_AWS_135:The launch template sets it.
  #checkov:skip=CKV2_AWS_41:The launch template attaches the role; a test asserts it.
  subnet_id  = var.subnet_id
  private_ip = var.private_ip

  launch_template {
    id      = aws_launch_template.this.id
    version = "$Latest"
  }

  tags = { Name = "${var.project}-${var.name}", Side = var.side }

  lifecycle {
    ignore_changes = [ami, user_data]
  }
}

# Images and the containers' data: PostgreSQL, the outbox, models that serve. It outlives the host.
resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:Encrypted with AWS's own key, which costs nothing.
  #checkov:skip=CKV2_AWS_9:make backup copies what cannot be made again to S3 (setup/backup.md).
  availability_zone = var.availability_zone
  type              = "gp3"
  size              = var.disk_gib
  encrypted         = true
  final_snapshot    = true # also where protected is false: the provider cannot change it later
  tags              = { Name = "${var.project}-${var.name}-data" }
}

resource "aws_volume_attachment" "data" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data.id
  instance_id                    = aws_instance.this.id
  stop_instance_before_detaching = true
}

# The address of the service stays when the host is replaced.
resource "aws_eip" "this" {
  #checkov:skip=CKV2_AWS_19:It is attached below; checkov does not see through the count.
  count = var.fixed_address ? 1 : 0

  domain = "vpc"
  tags   = { Name = "${var.project}-${var.name}" }
}

resource "aws_eip_association" "this" {
  count = var.fixed_address ? 1 : 0

  allocation_id = aws_eip.this[0].id
  instance_id   = aws_instance.this.id
}
