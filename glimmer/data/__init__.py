"""Records and passages: reading, building, batching."""
