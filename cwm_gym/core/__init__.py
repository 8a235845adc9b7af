"""The compiled world: records, physics, the step. Imports nothing else of the package."""
