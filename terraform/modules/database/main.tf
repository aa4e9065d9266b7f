resource "aws_db_subnet_group" "this" {
  name       = var.project
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.project}-database"
  description = "PostgreSQL, for the hosts only"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.project}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "hosts" {
  for_each = var.client_addresses

  security_group_id = aws_security_group.this.id
  description       = "PostgreSQL from the host ${each.key}"
  cidr_ipv4         = "${each.value}/32"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.project}-"
  family      = "postgres${local.major_version}"
  description = "Encrypted connections only; changes of the schema are logged"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000" # milliseconds
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  major_version = "17"
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_118:Enhanced monitoring costs extra; the alarms need only the usual metrics.
  #checkov:skip=CKV_AWS_161:Each process signs in with its own PostgreSQL role and a generated password, as without AWS.
  #checkov:skip=CKV_AWS_157:Two zones double the price; the example team switches them on.
  #checkov:skip=CKV_AWS_293:On unless protected is false, which destroying needs.
  #checkov:skip=CKV_AWS_353:Slow statements are in the log; CloudWatch Database Insights takes the place of Performance Insights.
  identifier     = var.project
  engine         = "postgres"
  engine_version = local.major_version
  instance_class = var.instance_class

  allocated_storage     = var.storage_gib
  max_allocated_storage = var.max_storage_gib
  storage_type          = "gp3"
  storage_encrypted     = true

  # The databases and their roles are made by `python -m setup.database_roles`.
  username            = "postgres"
  password_wo         = var.master_password
  password_wo_version = var.master_password_version

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  parameter_group_name   = aws_db_parameter_group.this.name
  publicly_accessible    = false
  multi_az               = var.multi_az

  backup_retention_period   = var.backup_days
  backup_window             = "02:00-02:30" # UTC, before the nightly run
  maintenance_window        = "sun:03:00-sun:03:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = !var.protected
  deletion_protection       = var.protected
  skip_final_snapshot       = !var.protected
  final_snapshot_identifier = "${var.project}-final"

  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
}
