"""The part of MongoDB's query language that AIOS passes through to its clients."""
