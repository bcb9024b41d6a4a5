"""Presets of users."""

from carousel_envs import Population

presets = Population.presets
