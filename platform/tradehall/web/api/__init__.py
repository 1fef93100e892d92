"""The API (接口): plain REST with JSON under ``/api/v1``; every act enters by the desk's door."""
