-- weight 0.2 blind: a foreign key to it is refused by the server itself
TRUNCATE service;
