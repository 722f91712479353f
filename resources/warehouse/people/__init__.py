"""People in stored rows: masking, forgetting and finding them."""
