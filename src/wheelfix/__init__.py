"""Install wheels under file names that the target interpreter imports."""
