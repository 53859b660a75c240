"""Reads an object of a bucket: s3_get.py BUCKET."""
import sys

import boto3
from botocore.config import Config

config = Config(
    region_name="us-west-2",
    s3={"addressing_style": "virtual"},
    retries={"max_attempts": 1},
    connect_timeout=10,
    read_timeout=20,
)
s3 = boto3.client("s3", config=config, aws_access_key_id="key", aws_secret_access_key="secret")
print(len(s3.get_object(Bucket=sys.argv[1], Key="table/part-0.parquet")["Body"].read()))
