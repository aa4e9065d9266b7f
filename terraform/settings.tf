# What the hosts find in Parameter Store and write into .env, besides what a deployment puts there.
locals {
  # Who reads which generated secret. The names are those of the compose files.
  generated_secrets = {
    POSTGRES_PASSWORD                 = "training"
    AIRFLOW_DATABASE_PASSWORD         = "training"
    MLFLOW_DATABASE_PASSWORD          = "training"
    VEHICLE_PRICE_OWNER_PASSWORD      = "training"
    VEHICLE_PRICE_SERVICE_PASSWORD    = "shared"
    VEHICLE_PRICE_MONITORING_PASSWORD = "shared"
    GRAFANA_DATABASE_PASSWORD         = "shared"
    AIRFLOW_FERNET_KEY                = "training"
    AIRFLOW_SECRET_KEY                = "training"
    AIRFLOW_JWT_SECRET                = "training"
    AIRFLOW_ADMIN_PASSWORD            = "shared"
    MLFLOW_ADMIN_PASSWORD             = "training"
    MLFLOW_TRAINING_PASSWORD          = "training"
    MLFLOW_SERVING_PASSWORD           = "shared"
    MLFLOW_SECRET_KEY                 = "training"
    MLFLOW_WEBHOOK_KEY                = "training"
    WEBHOOK_SECRET                    = "shared"
    API_KEY                           = "serving"
    ADMIN_KEY                         = "serving"
    MONITORING_KEY                    = "serving"
    EVIDENTLY_SECRET                  = "serving"
    GRAFANA_ADMIN_PASSWORD            = "serving"
  }

  shared_settings = {
    AWS_DEFAULT_REGION = local.region
    IMAGE_REGISTRY     = trimsuffix(module.registry.repository_urls.service, "/service")
    ARTIFACT_ROOT      = "s3://${module.storage.bucket_names.artifacts}/models"
    DATA_ROOT          = "s3://${module.storage.bucket_names.data}/data"
  }

  database_settings = (
    var.database != null ? {
      "shared/POSTGRES_HOST"       = module.database[0].address
      "shared/POSTGRES_PORT"       = tostring(module.database[0].port)
      "training/EXTERNAL_POSTGRES" = "true"
    } :
    local.two_hosts ? {
      "serving/POSTGRES_HOST"       = local.private_ips[local.host_of.training]
      "serving/POSTGRES_PORT"       = tostring(local.ports.postgres)
      "training/POSTGRES_BIND_HOST" = local.private_ips[local.host_of.training]
    } : {}
  )

  # On one host the two sides find each other by Docker's network, on two by private addresses.
  address_settings = !local.two_hosts ? {} : {
    "training/MLFLOW_BIND_HOST"   = local.private_ips[local.host_of.training]
    "training/AIRFLOW_BIND_HOST"  = local.private_ips[local.host_of.training]
    "training/SERVICE_URL"        = "http://${local.private_ips[local.host_of.serving]}:${local.ports.service}"
    "serving/MLFLOW_TRACKING_URI" = "http://${local.private_ips[local.host_of.training]}:${local.ports.mlflow}"
    "serving/AIRFLOW_URL"         = "http://${local.private_ips[local.host_of.training]}:${local.ports.airflow}"
  }

  # Nobody but the other host may come in as long as service_cidrs is empty.
  service_settings = {
    "serving/SERVICE_PORT"      = tostring(local.ports.service)
    "serving/SERVICE_BIND_HOST" = local.two_hosts || length(var.service_cidrs) > 0 ? "0.0.0.0" : "127.0.0.1"
  }

  settings = merge(
    { for name, value in merge(local.shared_settings, var.settings) : "shared/${name}" => value },
    local.database_settings,
    local.address_settings,
    local.service_settings,
  )

  clients = {
    for cidr in var.service_cidrs : "service-${cidr}" => { description = "Clients of the service", port = local.ports.service, cidr = cidr }
  }

  from = { for side, name in local.host_of : side => "${local.private_ips[name]}/32" }

  ingress = {
    training = !local.two_hosts ? {} : merge(
      {
        mlflow  = { description = "MLflow, for the serving host", port = local.ports.mlflow, cidr = local.from.serving }
        airflow = { description = "Airflow, for the serving host", port = local.ports.airflow, cidr = local.from.serving }
      },
      var.database != null ? {} : {
        postgres = { description = "PostgreSQL, for the serving host", port = local.ports.postgres, cidr = local.from.serving }
      },
    )
    serving = merge(local.clients, !local.two_hosts ? {} : {
      webhook = { description = "Web hook of MLflow, from the training host", port = local.ports.service, cidr = local.from.training }
    })
  }
}
