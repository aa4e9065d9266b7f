"""The models that serve in a worker, and how a listing gets its price from them."""
