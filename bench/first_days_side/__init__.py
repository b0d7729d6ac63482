"""What bench/first_days.py knows of the sample books."""
