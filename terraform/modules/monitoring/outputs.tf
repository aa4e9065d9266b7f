output "log_groups" {
  description = "Log group of each side."
  value       = { for side, group in aws_cloudwatch_log_group.side : side => group.name }
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms."
  value       = aws_sns_topic.alarms.arn
}
