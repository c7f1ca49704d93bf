"""What happens over time: polling, decisions, actions, load runs, deploys."""
