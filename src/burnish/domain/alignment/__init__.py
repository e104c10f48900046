"""How a judge stands with people over time: measured, judged by a rule, and watched for drift and bias."""
