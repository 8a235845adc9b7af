"""Golden trajectories: a change of any of them is a change that users can see."""
