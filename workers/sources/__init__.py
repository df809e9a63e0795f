"""One file a platform. Files are discovered; there is no list to add one to."""
