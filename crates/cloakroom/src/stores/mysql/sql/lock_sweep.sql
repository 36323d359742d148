SELECT GET_LOCK(CONCAT('cloakroom.sweep.', SHA1(CONCAT(DATABASE(), '%', ?))), 0)
