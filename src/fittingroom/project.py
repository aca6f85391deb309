"""What is known of the project itself."""

# The address of the public repository; pages link to it once there is one.
REPOSITORY: str | None = None
