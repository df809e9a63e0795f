"""Dramatiq: broker, actors, the run itself, and the sources it reads."""
