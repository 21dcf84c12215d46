"""Analysis of runs on pages: findings, and a closer look with the learning-rate finder, stability and one step.

Shared by Train and Lessons. Each module draws the figures of its namesake in core.analysis.
"""
