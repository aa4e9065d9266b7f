resource "aws_cloudwatch_log_group" "side" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch Logs by default; a key of our own would cost a dollar a month.
  #checkov:skip=CKV_AWS_338:A year of logs of every container costs more than it is worth; log_days changes it.
  for_each = toset(["training", "serving"])

  name              = "${var.path}/${each.value}"
  retention_in_days = var.log_days
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic encrypted with AWS's own key; the messages hold no data.
  name = "${var.project}-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.email
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# The machine below the host is broken: AWS starts the host on another one, with the same disks and addresses.
resource "aws_cloudwatch_metric_alarm" "host_hardware" {
  for_each = var.instance_ids

  alarm_name          = "${var.project}-${each.key}-hardware"
  alarm_description   = "The hardware of host ${each.key} failed; it is being moved. Nothing to do unless this alarm stays."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_System"
  dimensions          = { InstanceId = each.value }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 3
  alarm_actions       = [aws_sns_topic.alarms.arn, "arn:${data.aws_partition.current.partition}:automate:${data.aws_region.current.name}:ec2:recover"]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# The operating system does not answer, for example for want of memory: restart it.
resource "aws_cloudwatch_metric_alarm" "host_system" {
  for_each = var.instance_ids

  alarm_name          = "${var.project}-${each.key}-system"
  alarm_description   = "The operating system of host ${each.key} does not answer; it is being restarted. See setup/runbook.md if it repeats."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_Instance"
  dimensions          = { InstanceId = each.value }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  alarm_actions       = [aws_sns_topic.alarms.arn, "arn:${data.aws_partition.current.partition}:automate:${data.aws_region.current.name}:ec2:reboot"]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

locals {
  gib = 1024 * 1024 * 1024

  database_alarms = {
    storage = {
      description = "Less than 2 GiB are free: predictions and runs stop when it is full. Raise database.max_storage_gib."
      metric      = "FreeStorageSpace"
      comparison  = "LessThanThreshold"
      threshold   = 2 * local.gib
    }
    memory = {
      description = "Less than 100 MiB of memory: connections are about to fail. Choose a larger database.instance_class."
      metric      = "FreeableMemory"
      comparison  = "LessThanThreshold"
      threshold   = 0.1 * local.gib
    }
    processor = {
      description = "Busy above 90 %: statements of more than a second are in the database's log."
      metric      = "CPUUtilization"
      comparison  = "GreaterThanThreshold"
      threshold   = 90
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = { for name, alarm in local.database_alarms : name => alarm if var.database_identifier != null }

  alarm_name          = "${var.project}-database-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = var.database_identifier }
  statistic           = "Average"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 3
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_budgets_budget" "month" {
  name         = var.project
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    notification_type          = "ACTUAL"
    subscriber_email_addresses = [var.email]
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    notification_type          = "FORECASTED"
    subscriber_email_addresses = [var.email]
  }
}
