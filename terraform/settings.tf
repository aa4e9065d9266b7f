# What the hosts find in Parameter Store and write into .env, besides what a deployment puts there.
locals {
  # Who reads which generated secret. The names are those that the compose files demand.
  generated_secrets = {
    POSTGRES_PASSWORD                 = "training"
    AIRFLOW_DATABASE_PASSWORD         = "training"
    MLFLOW_DATABASE_PASSWORD          = "training"
    VEHICLE_PRICE_OWNER_PASSWORD      = "shared"
    VEHICLE_PRICE_SERVICE_PASSWORD    = "shared"
    VEHICLE_PRICE_MONITORING_PASSWORD = "shared"
    GRAFANA_DATABASE_PASSWORD         = "shared"
    AIRFLOW_FERNET_KEY                = "training"
    AIRFLOW_SECRET_KEY                = "training"
    AIRFLOW_JWT_SECRET                = "training"
    AIRFLOW_PASSWORD                  = "shared"
    REDIS_PASSWORD                    = "training"
    MONGODB_ROOT_PASSWORD             = "training"
    MLFLOW_ADMIN_PASSWORD             = "training"
    MLFLOW_TRAINING_PASSWORD          = "training"
    MLFLOW_SERVING_PASSWORD           = "shared"
    MLFLOW_FLASK_KEY                  = "training"
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

  training_ip = local.private_ips[local.host_of.training]
  serving_ip  = local.private_ips[local.host_of.serving]

  database_settings = (
    var.database != null ? {
      "shared/DATABASE_HOST"            = module.database[0].address
      "shared/DATABASE_PORT"            = tostring(module.database[0].port)
      "serving/PREDICTION_DATABASE_URL" = "postgresql://${module.database[0].address}:${module.database[0].port}/vehicle_price"
    } :
    local.two_hosts ? {
      "serving/DATABASE_HOST"           = local.training_ip
      "serving/DATABASE_PORT"           = tostring(local.ports.postgres)
      "serving/PREDICTION_DATABASE_URL" = "postgresql://${local.training_ip}:${local.ports.postgres}/vehicle_price"
      "training/POSTGRES_BIND_HOST"     = local.training_ip
    } : {}
  )

  # On one host the two sides find each other by Docker's network, on two by private addresses.
  address_settings = !local.two_hosts ? {} : {
    "training/MLFLOW_BIND_HOST"     = local.training_ip
    "training/MLFLOW_ALLOWED_HOSTS" = "${local.training_ip}:${local.ports.mlflow}"
    "training/AIRFLOW_BIND_HOST"    = local.training_ip
    "training/SERVICE_URL"          = "http://${local.serving_ip}:${local.ports.service}"
    "serving/MLFLOW_TRACKING_URI"   = "http://${local.training_ip}:${local.ports.mlflow}"
    "serving/AIRFLOW_URL"           = "http://${local.training_ip}:${local.ports.airflow}"
  }

  # The service listens on the host's address if anybody else may come in, else on 127.0.0.1.
  service_settings = merge(
    { "serving/SERVICE_BIND_HOST" = local.two_hosts || length(var.service_cidrs) > 0 ? local.serving_ip : "127.0.0.1" },
    var.service_tls ? { "serving/TLS_DIR" = "/etc/vehicle-price/tls" } : {},
  )

  settings = merge(
    { for name, value in merge(local.shared_settings, var.settings) : "shared/${name}" => value },
    local.database_settings,
    local.address_settings,
    local.service_settings,
  )

  client_port = var.service_tls ? local.ports.service_tls : local.ports.service

  clients = {
    for cidr in var.service_cidrs : "service-${cidr}" => { description = "Clients of the service", port = local.client_port, cidr = cidr }
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
