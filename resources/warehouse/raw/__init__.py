"""The raw tables: how they are declared, merged, kept out (quarantine) and marked deleted."""
