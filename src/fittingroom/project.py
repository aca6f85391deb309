"""What is known of the project itself."""

VERSION = "0.2.0"

# The address of the public repository; pages link to it once there is one.
REPOSITORY: str | None = None
