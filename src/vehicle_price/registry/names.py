"""The names that training, gate and service share in MLflow. Imports nothing.

A tag stands on the run and on the model version alike, unless the comment says otherwise.
"""

MODEL_NAME = "vehicle-price"
TRAINING_EXPERIMENT = MODEL_NAME  # one run per trained model
REPORT_EXPERIMENT = "vehicle-price-listings"  # one run per ingest, with its contract report

TRAINING_PROFILE = "training_profile.json"  # file of a training run: counts of the training rows

# Aliases of the registered model.
PRODUCTION = "production"  # the version that the service answers with
CHALLENGER = "challenger"  # the best version of the last training run, if the gate refused it
PREVIOUS = "previous"  # the version that `production` pointed to before

MANIFEST_TAG = "manifest_sha256"  # SHA-256 of the manifest of the model that serves
TWIN_MANIFEST_TAG = "twin_manifest_sha256"  # of its measured twin
DATA_HASH_TAG = "data_sha256"
DATA_SPAN_TAG = "data_span"  # first and last posting day
CODE_COMMIT_TAG = "git_commit"
FAMILY_TAG = "family"
REPORT_TAG = "contract_report"  # address of the contract report on what was ingested
STARTED_BY_TAG = "started_by"  # the Airflow run, or the command line
TRAINING_KEY_TAG = "training_key"  # of a training in an Airflow run, which registers one version
GATE_TAG = "gate"  # promoted, refused or not the best
GATE_REASONS_TAG = "gate_reasons"  # JSON list of sentences
MARKET_TAG = "market"  # names.REAL or names.SAMPLE: where the listings are from
SOURCE_TAG = "source"  # the source that was read last
STORE_TAG = "store"  # address of the store that the dataset is in
CARD_TAG = "model_card"  # address of the version's model card in MLflow
PROMOTED_BY_TAG = "promoted_by"  # version only: who moved `production` to it last
PROMOTION_REASON_TAG = "promotion_reason"  # version only: why
# Tag of the registered model: the version that this project moved `production` to last; two, with a
# comma, during a move.
MOVED_TO_TAG = "production_moved_to"
MOVED_BY_OTHERS = "moved by another program than this project, such as MLflow's own page"
PRICE_JUMP_TAG = "price_jump"  # version only: PRICE_JUMP_ACCEPTED lets prices differ widely
PRICE_JUMP_ACCEPTED = "accepted"

WEBHOOK_NAME = "vehicle-price-service"
WEBHOOK_EVENTS = ("model_version_alias.created", "model_version_alias.deleted")
