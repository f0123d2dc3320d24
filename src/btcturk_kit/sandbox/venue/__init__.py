"""The exchange without a network: customers, pairs, orders, money, and what everybody sees."""
