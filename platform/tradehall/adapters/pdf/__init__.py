"""Printed documents 打印文书: letters, reports and receipts as signed PDF, and their verification."""
