"""What the service promises: shapes, examples, the OpenAPI document."""
